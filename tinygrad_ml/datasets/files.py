"""The files of the data sets: where they are, where they come from, and their sha256."""

from __future__ import annotations

from typing import NamedTuple


class File(NamedTuple):
    """A file of a data set.

    place : its path in the folder of data, or in the cache
    url : where it is downloaded from
    sums : the sha256 of what may be there: the publisher's form first, then others with the same contents
    checked : whether the contents check themselves, so that other sums are accepted too
    """

    place: str
    url: str
    sums: tuple[str, ...]
    checked: bool = False


GITHUB = "https://raw.githubusercontent.com/"
MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist/"
FASHION = GITHUB + "zalandoresearch/fashion-mnist/b2617bb6d3ffa2e429640350f613e3291e10b141/data/fashion/"
GERON = GITHUB + "ageron/handson-ml2/1e2115277b50f6c584cd668fa30e3af309a5b136/datasets/"
COURSE = GITHUB + "Choosue/machine-learning/633b5b1dee28d6315cf1709543453d5a2f239c0e/"
CRASH_COURSE = "https://download.mlcc.google.com/mledu-datasets/"
TITANIC = GITHUB + "UoLPythonGroup/training/cec064532ae8df2c963d930c0ea76a468befddc4/PROJECTS/titanic/"
WIKITEXT = GITHUB + "pytorch/examples/77f55b912142e11fcfdf5b530231fb9c52f181e8/word_language_model/data/wikitext-2/"

FILES: dict[str, File] = {
    "mnist train images": File(
        "mnist/train-images-idx3-ubyte.gz",
        MNIST + "train-images-idx3-ubyte.gz",
        ("440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",),
    ),
    "mnist train labels": File(
        "mnist/train-labels-idx1-ubyte.gz",
        MNIST + "train-labels-idx1-ubyte.gz",
        ("3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",),
    ),
    "mnist test images": File(
        "mnist/t10k-images-idx3-ubyte.gz",
        MNIST + "t10k-images-idx3-ubyte.gz",
        ("8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",),
    ),
    "mnist test labels": File(
        "mnist/t10k-labels-idx1-ubyte.gz",
        MNIST + "t10k-labels-idx1-ubyte.gz",
        ("f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",),
    ),
    "fashion_mnist train images": File(
        "fashion_mnist/train-images-idx3-ubyte.gz",
        FASHION + "train-images-idx3-ubyte.gz",
        ("3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",),
    ),
    "fashion_mnist train labels": File(
        "fashion_mnist/train-labels-idx1-ubyte.gz",
        FASHION + "train-labels-idx1-ubyte.gz",
        ("a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",),
    ),
    "fashion_mnist test images": File(
        "fashion_mnist/t10k-images-idx3-ubyte.gz",
        FASHION + "t10k-images-idx3-ubyte.gz",
        ("346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",),
    ),
    "fashion_mnist test labels": File(
        "fashion_mnist/t10k-labels-idx1-ubyte.gz",
        FASHION + "t10k-labels-idx1-ubyte.gz",
        ("67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",),
    ),
    "california_housing": File(
        "california_housing/housing.csv",
        GERON + "housing/housing.csv",
        ("8a3727f4cf54ac1a327f69b1d5b4db54c5834ea81c6e4efc0d163300022a685e",),
    ),
    "california_housing train": File(
        "california_housing/california_housing_train.csv",
        CRASH_COURSE + "california_housing_train.csv",
        ("bb9ca4041a66e0ed691cb825188f16fdab518435c4950a080951be2fdfe30d4d",),
    ),
    "california_housing test": File(
        "california_housing/california_housing_test.csv",
        CRASH_COURSE + "california_housing_test.csv",
        ("be3f531aac5aca44fe1c04fd888b4aa68a9a69f69c05d0eb2e0473dfe702dda2",),
    ),
    "titanic train": File(
        "titanic/train.csv",
        TITANIC + "train.csv",
        (
            "4a437fde05fe5264e1701a7387ac6fb75393772ba38bb2c9c566405af5af4bd7",
            "7d118fef8b6ccf7f81111877bc388536f7b1e498a655e3d649d19aaa010e9f6f",  # with CRLF
        ),
    ),
    "titanic test": File(
        "titanic/test.csv",
        TITANIC + "test.csv",
        (
            "5c78320a80dc159b35c408363be46a5d93f078183d539db75ee42a796d6a4e95",
            "56023b9948236f3c7a1c9448fcf418b283e109ef177fa8c7e069158dd7dd52b2",  # with CRLF
        ),
    ),
    "sms_spam": File(
        "sms_spam/SMSSpamCollection",
        GITHUB + "krishnaik06/Huggingfacetransformer/8e97d009508252d1a31ac1fdbd2722f310d99d92/SMSSpamCollection",
        (
            "7d039a24a6083ed9ef0f806ebad56bbb976e3aeb8de05669173bfdc4996c239d",
            "55341228082b25b832a5868a5ab4b038142a57f70c676c123280af6ff457fe46",  # with CRLF
        ),
    ),
    "spamassassin ham": File(
        "spamassassin/easy_ham.tar.bz2",
        "https://spamassassin.apache.org/old/publiccorpus/20030228_easy_ham.tar.bz2",
        ("0676889804cfaa99d5a1ae89f50756f5ced018cb62915d03298ea35abf2f3c30",),
        checked=True,  # the name of each mail ends with its md5
    ),
    "spamassassin spam": File(
        "spamassassin/spam.tar.bz2",
        "https://spamassassin.apache.org/old/publiccorpus/20030228_spam.tar.bz2",
        ("d3ca8ce56f9ba0397ae8fa57b82477a0b4222f18fd3df7cca337d6e5ab78c6d3",),
        checked=True,
    ),
    "wikitext2 valid": File(
        "wikitext2/valid.txt",
        WIKITEXT + "valid.txt",
        ("f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8",),
    ),
    "wikitext2 test": File(
        "wikitext2/test.txt",
        WIKITEXT + "test.txt",
        ("d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0",),
    ),
    "wikitext2 archive": File(
        "wikitext2/wikitext-2-v1.zip",
        "https://s3.amazonaws.com/research.metamind.io/wikitext/wikitext-2-v1.zip",
        ("92675f1d63015c1c8b51f1656a52d5bdbc33aafa60cc47a218a66e7ee817488c",),
    ),
    "tiny_shakespeare": File(
        "tinyshakespeare/input.txt",
        GITHUB + "karpathy/char-rnn/6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/data/tinyshakespeare/input.txt",
        ("86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",),
    ),
    "life_satisfaction index": File(
        "lifesat/oecd_bli_2015.csv",
        GERON + "lifesat/oecd_bli_2015.csv",
        ("7586f494d3d0c7164a1dff89bc5d6dcbd3fef1cd23afce11c5702a43b42ebd7c",),
    ),
    "life_satisfaction product": File(
        "lifesat/gdp_per_capita.csv",
        GERON + "lifesat/gdp_per_capita.csv",
        ("b7901e2e17421be2ae3124101ba853d57650b7263b116d370595a855c9e2979d",),
    ),
    "city_profits": File(
        "ml_course/ex1data1.txt",
        COURSE + "machine-learning-ex1/ex1/ex1data1.txt",
        ("e69559fac1a2f68f704222629e603299bfa8aabfd88e81225e52e125484764a0",),
    ),
    "house_prices": File(
        "ml_course/ex1data2.txt",
        COURSE + "machine-learning-ex1/ex1/ex1data2.txt",
        ("c19f8051a03d4b73be5bb9a60ace1c2f24adba2947cc0028e0f184d5680d4d21",),
    ),
    "exam_scores": File(
        "ml_course/ex2data1.txt",
        COURSE + "machine-learning-ex2/ex2/ex2data1.txt",
        ("ed7298995232c17a7f1bc50c9807cb7216337563e4a7c00bfcaa8f5d6bd32f02",),
    ),
    "microchips": File(
        "ml_course/ex2data2.txt",
        COURSE + "machine-learning-ex2/ex2/ex2data2.txt",
        ("5d1fb3eca1b6328375375f5da8980f3458f1c727da4c1ca6e9163fc23b6ddcbc",),
    ),
}
