"""Words counted, mails read, and what is damaged or hostile refused: soon, and by name."""

import email.message
import email.policy
import signal
from collections import Counter

import numpy as np
import pytest

import tinygrad_ml as tg
from tinygrad_ml.features import Columns, Log, Mail, OneHot, Scale, TextCounts, mail_table, read_mail
from tinygrad_ml.features.mail import text_of_html

BOOK = ["Hello", "how", "are", "you"]


# ---------------------------------------------------------------------- counts


@pytest.mark.parametrize(("presence", "row"), [(True, [1, 0, 0, 1]), (False, [3, 0, 0, 2])])
def test_the_example_of_the_book(presence, row):
    count = TextCounts(vocabulary=BOOK, presence=presence, sparse=False)
    assert count.fit_transform(["Hello you Hello Hello you"]).tolist() == [row]
    assert count.get_feature_names_out().tolist() == BOOK


def test_counts_equal_those_of_scikit_learn():
    text = pytest.importorskip("sklearn.feature_extraction.text")
    rng = np.random.default_rng(0)
    words = [f"w{i}" for i in range(40)]
    texts = [" ".join(rng.choice(words, rng.integers(1, 30))) for _ in range(50)]
    ours, theirs = TextCounts(phrase=2, min_count=3), text.CountVectorizer(ngram_range=(1, 2), min_df=3)
    matrix, expected = ours.fit_transform(texts), theirs.fit_transform(texts)
    assert matrix.format == "csr"
    assert set(ours.vocabulary_) == set(theirs.vocabulary_)
    order = [ours.vocabulary_[word] for word in theirs.get_feature_names_out()]
    np.testing.assert_array_equal(matrix.toarray()[:, order], expected.toarray())


def test_the_most_frequent_words_come_first_and_new_ones_are_not_counted():
    count = TextCounts(max_words=2, sparse=False).fit(["b b b a a c", "a"])
    assert count.get_feature_names_out().tolist() == ["a", "b"]  # as frequent: by the alphabet
    assert count.transform(["c d b", ""]).tolist() == [[0, 1], [0, 0]]


def words(text, **switches):
    """The words that are counted in a text."""
    count = TextCounts(sparse=False, **switches)
    row = count.fit_transform([text])[0]
    return {word: int(n) for word, n in zip(count.get_feature_names_out(), row)}


TEXT = "WIN $1,000.50 now!! See http://x.example/a?b=1 or www.y.example, call 0800 or 10pm. Don't wait; you win"


@pytest.mark.parametrize(
    ("switches", "has", "has_not"),
    [
        ({}, {"win": 2, "don't": 1, "10pm": 1, "x": 1, "y": 1, "example": 2}, ["WIN", "URL", "NUMBER", "!", "$"]),
        ({"lower": False}, {"WIN": 1, "win": 1, "Don't": 1}, ["don't"]),
        ({"url": True}, {"URL": 2}, ["x", "example"]),
        ({"number": True}, {"NUMBER": 3, "10pm": 1}, ["0800", "1,000.50"]),
        ({"url": True, "number": True}, {"URL": 2, "NUMBER": 2}, []),
        ({"punctuation": True}, {"!": 2, "$": 1, ";": 1}, []),
        ({"phrase": 3}, {"you win": 1, "wait you win": 1}, ["wait you win now"]),
        ({"stem": str.upper, "lower": True}, {"WIN": 2}, ["win"]),
    ],
)
def test_switches(switches, has, has_not):
    found = words(TEXT, **switches)
    assert {word: found.get(word) for word in has} == has
    assert not {*has_not} & {*found}


def test_stems_are_those_of_the_library():
    snowballstemmer = pytest.importorskip("snowballstemmer")
    stem = snowballstemmer.stemmer("english").stemWord
    text = "winning wins winner prizes running flies"
    assert words(text, stem="english") == dict(Counter(stem(word) for word in text.split()))
    assert words("Hello URLs http://a.example 5", stem="english", url=True, number=True).keys() >= {"URL", "NUMBER"}
    with pytest.raises(ValueError, match=r"stem must be None, a function or a language of .*english.*; not 'klingon'"):
        TextCounts(stem="klingon").fit(["a"])


def test_a_vocabulary_is_found_in_texts_as_its_words_are_and_holds_phrases():
    pytest.importorskip("snowballstemmer")
    count = TextCounts(vocabulary=["Winning", "click here"], stem="english", sparse=False)
    assert count.fit_transform(["Win! CLICK here, or click there"]).tolist() == [[1, 1]]
    assert count.get_feature_names_out().tolist() == ["Winning", "click here"]


def test_texts_come_in_lists_arrays_and_columns_of_frames():
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    texts = ["a b", "b c"]
    expected = TextCounts().fit_transform(texts).toarray()
    for X in (
        tuple(texts),
        np.array(texts),
        np.array(texts)[:, None],
        pandas.Series(texts),
        pandas.DataFrame({"t": texts}),
        polars.Series(texts),
        polars.DataFrame({"t": texts}),
        [text.encode() for text in texts],  # mails without headers
    ):
        np.testing.assert_array_equal(TextCounts().fit_transform(X).toarray(), expected)


def test_columns_count_the_words_of_one_column_beside_others():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"text": ["win now", "see you"], "subject": ["win", "re"], "links": [3, 0]})
    columns = Columns({"text": TextCounts(), "subject": TextCounts(sparse=False), "links": [Log(), Scale()]})
    out = columns.fit_transform(frame)
    assert out.format == "csr"
    names = columns.get_feature_names_out().tolist()
    assert names == ["text_now", "text_see", "text_win", "text_you", "subject_re", "subject_win", "links"]
    np.testing.assert_array_equal(out.toarray()[:, :4], [[1, 0, 1, 0], [0, 1, 0, 1]])
    text = pytest.importorskip("sklearn.feature_extraction.text")
    theirs = Columns({"text": text.CountVectorizer()}).fit_transform(frame)
    np.testing.assert_array_equal(theirs.toarray(), out.toarray()[:, :4])


def test_counts_are_scaled_by_the_names_of_their_words():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"text": ["win now", "see you"]})
    columns = Columns({"text": [TextCounts(sparse=False), Scale("min-max")]})
    np.testing.assert_array_equal(columns.fit_transform(frame), columns.transform(frame))
    with pytest.raises(ValueError, match="TextCounts takes one column: list each by itself"):
        Columns({("text", "other"): TextCounts()}).fit(frame.assign(other="x"))


def test_counts_go_into_models_as_they_are():
    pipeline = pytest.importorskip("sklearn.pipeline")
    texts, y = ["win money now", "see you soon", "money money", "soon home"] * 5, [1, 0, 1, 0] * 5
    model = pipeline.make_pipeline(TextCounts(), tg.models.LogisticRegression()).fit(texts, y)
    assert model.predict(["win", "you"]).tolist() == [1, 0]


def test_it_is_cloned_and_searched_as_other_transformers():
    base = pytest.importorskip("sklearn.base")
    count = TextCounts(presence=True, stem="english").set_params(max_words=5)
    assert repr(base.clone(count)) == repr(count)
    assert not hasattr(base.clone(count.fit(["a b c"])), "vocabulary_")
    frame = TextCounts(sparse=False).set_output(transform="pandas").fit_transform(["a b", "b"])
    assert frame.to_dict("list") == {"b": [1, 1], "a": [1, 0]}


@pytest.mark.parametrize(
    ("count", "X", "message"),
    [
        (TextCounts(), "one text", r"X is one text; give a list of texts: \[text\]"),
        (TextCounts(), [], "0 sample"),
        (TextCounts(), ["a", None], "text number 1 is missing"),
        (TextCounts(), [["a"], ["b"]], "text number 0 is a list; texts are strings, mails are bytes"),
        (TextCounts(), [1.5], "text number 0 is a float"),
        (TextCounts(), ["!", "?"], "no word occurs in 1 or more of the 2 texts"),
        (TextCounts(min_count=0), ["a"], "min_count must be an integer from 1, not 0"),
        (TextCounts(max_words=0), ["a"], "max_words must be an integer from 1, or None, not 0"),
        (TextCounts(phrase=0), ["a"], "phrase must be an integer from 1, not 0"),
        (TextCounts(vocabulary="Hello"), ["a"], "vocabulary must be a list of words, not 'Hello'"),
        (TextCounts(vocabulary=["Hello", "hello"]), ["a"], "'Hello' and 'hello' in the vocabulary are the same"),
        (TextCounts(vocabulary=["..."]), ["a"], r"'\.\.\.' in the vocabulary is no word"),
        (TextCounts(), [b""], "text number 0: read_mail: the mail is empty"),
        (TextCounts(), np.ones((2, 2)), "takes the texts of one column, and X has 2"),
    ],
)
def test_a_mistake_is_named(count, X, message):
    with pytest.raises((ValueError, TypeError), match=message):
        count.fit(X)


# ---------------------------------------------------------------------- mails


def composed():
    message = email.message.EmailMessage(policy=email.policy.SMTP)
    message["From"] = "Zoë Q <Zoe@Example.ORG>"
    message["Subject"] = "Grüße aus Zürich"
    message["Date"] = "Fri, 06 Mar 2020 17:45:00 -0500"
    message.set_content("Plain café text")
    message.add_alternative("<p>HTML t<b>e</b>a for &euro; <a href='http://l.example/x'>go</a></p>", subtype="html")
    message.add_attachment(b"\x00\x01", maintype="application", subtype="octet-stream", filename="run.exe")
    return message


@pytest.mark.parametrize("kind", [bytes, str, lambda message: message], ids=["bytes", "str", "message"])
def test_a_mail_is_read(kind):
    message = composed()
    mail = read_mail(message.as_bytes() if kind is bytes else message.as_string() if kind is str else message)
    assert (mail.sender, mail.domain, mail.subject) == ("zoe@example.org", "example.org", "Grüße aus Zürich")
    assert mail.hour == 17.75
    assert mail.date.utcoffset().total_seconds() == -5 * 3600
    assert "Plain café text" in mail.text
    assert "HTML tea for €" in mail.text
    assert "http://l.example/x" in mail.text
    assert (mail.html, mail.attachments, mail.defects) == (True, 1, ())
    assert "Subject: Grüße aus Zürich" in mail.headers.splitlines()


def test_features_of_mails():
    pandas = pytest.importorskip("pandas")
    raw = [composed().as_bytes(), b"From: x@y.example\nDate: nonsense\n\nhi http://a.example http://b.example"]
    frame = mail_table(raw)
    assert isinstance(frame, pandas.DataFrame)
    assert frame["links"].tolist() == [1, 2]
    assert frame["domain"].tolist() == ["example.org", "y.example"]
    assert np.isnan(frame["hour"][1])
    assert frame["defects"].tolist() == [0, 1]
    assert OneHot().fit_transform(frame[["domain"]]).tolist() == [[1, 0], [0, 1]]
    with pytest.raises(ValueError, match="mail number 1: read_mail: the mail is empty"):
        mail_table([raw[0], b" "])
    with pytest.raises(TypeError, match=r"of one it is \[mail\]"):
        mail_table(raw[0])


def test_headers_are_a_switch():
    raw = [b"From: a@b.example\nSubject: Prize\n\nHello you"]
    assert set(TextCounts().fit(raw).vocabulary_) == {"hello", "you"}
    assert {"subject", "prize", "hello"} <= set(TextCounts(headers=True).fit(raw).vocabulary_)
    assert set(TextCounts().fit([read_mail(raw[0])]).vocabulary_) == {"hello", "you"}


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<p>a<br>b</p>", " a b "),
        ("f<b>r</b>ee", "free"),
        ("<script>var a = '<p>';</script>x<!-- c > -->y", "xy"),
        ("<STYLE>p{}</STYLE>İ<IMG SRC=http://i.example>", "İ http://i.example "),
        ("1 &lt; 2 &amp;&amp; &#8364;", "1 < 2 && €"),
        ("cut <a href='http://x", "cut "),
        ("<!-- never closed", ""),
        ("<script> never closed", ""),
        ("no tags", "no tags"),
    ],
)
def test_pages_as_text(page, text):
    assert text_of_html(page) == text


MALFORMED = {
    "unknown character set": b"Content-Type: text/plain; charset=nonsense\n\ncaf\xc3\xa9 free",
    "binary codec as a character set": b"Content-Type: text/plain; charset=zip\n\nfree",
    "slow character set": b"Content-Type: text/plain; charset=punycode\n\nfree",
    "wrong character set": b"Content-Type: text/plain; charset=ascii\n\nfree th\xe9",
    "base64 that is none": b"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n!!free==\n",
    "no boundary": b"Content-Type: multipart/mixed\n\nfree",
    "boundary that never comes": b"Content-Type: multipart/mixed; boundary=x\n\nfree",
    "cut off": b"Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/plain\n\nfree",
    "date that is none": b"Date: Thu, 99 Foo 20xx 99:99\n\nfree",
    "encoded words that are none": b"Subject: =?utf-8?B?!!!?= =?nonsense?Q?a?=\n\nfree",
    "bytes in headers": b"Subject: \xff\xfe\nFrom: \x00@\n\nfree",
    "zeros": b"From: a@b\n\n\x00free\x00",
    "no headers": b"free",
    "no body": b"Subject: free\n",
    "content type that is none": b"Content-Type: ;;;=\n\nfree",
    "parameters that are none": b"Content-Type: text/plain; charset*0*=; charset*1=%%; x\n\nfree",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_mail_is_read_as_far_as_it_goes(name):
    mail = read_mail(MALFORMED[name])
    assert isinstance(mail, Mail)
    mail.text.encode("utf-8", "surrogatepass")
    if not name.startswith(("base64", "no boundary", "boundary", "no body")):
        assert "free" in mail.text
    if any(word in name for word in ("character set", "none", "cut", "never")) and "parameters" not in name:
        assert mail.defects or name in ("content type that is none", "base64 that is none"), mail


def nested(kind, depth):
    """Mails in mails, or parts in parts."""
    if kind == "message":
        return b"Content-Type: message/rfc822\n\n" * depth + b"\nx"
    part = b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n'
    return b"".join(part % (i, i) for i in range(depth)) + b"\n" * 1000


HOSTILE = {  # made when they are read: some are large
    "parts in parts": lambda: nested("multipart", 5000),
    "mails in mails": lambda: nested("message", 5000),
    "many parts": lambda: (
        b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--x\nContent-Type: text/plain\n\na\n" * 5000
    ),
    "many empty lines in many parts": lambda: nested("multipart", 100) + b"\n" * 2_000_000,
    "an endless quoted parameter": lambda: b'Content-Type: text/plain; a="' + b";" * 3_000_000 + b"\n\nx",
    "an endless encoded word": lambda: b"Subject: " + b"=?a?q?" * 500_000 + b"\n\nx",
    "many encoded words": lambda: b"".join(b"X-%d: " % i + b"=?a?q?" * 400 + b"\n" for i in range(5000)) + b"\nx",
    "an endless address": lambda: b"From: " + b"(" * 1_000_000 + b"a@" * 500_000 + b"\n\nx",
    "an endless date": lambda: b"Date: " + b"1 " * 1_000_000 + b"\n\nx",
    "tags that never end": lambda: b"Content-Type: text/html\n\n" + b"<" * 2_000_000,
    "comments that never end": lambda: b"Content-Type: text/html\n\n" + b"<!--" * 500_000,
    "scripts that never end": lambda: b"Content-Type: text/html\n\n" + b"<script>" * 300_000,
    "links that never end": lambda: b"Content-Type: text/html\n\n" + b"<a href=" * 300_000 + b">",
    "entities that never end": lambda: b"Content-Type: text/html\n\n" + b"&" * 2_000_000,
    "a slow character set": lambda: b"Content-Type: text/plain; charset=punycode\n\n" + b"a-" + b"9" * 2_000_000,
    "one long line": lambda: b"a" * 8_000_000,
    "larger than any": lambda: b"a" * (2**25 + 1),
}


def outcome(raw):
    """Whether a mail is "read" or "refused", or the error that does not say what is wrong with it."""
    try:
        read_mail(raw)
    except ValueError as error:
        return "refused" if str(error).startswith("read_mail: ") else repr(error)
    return "read"


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="this system has no alarm")
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_mail_is_read_or_refused_by_name_and_never_hangs(name):
    """A reader that needs the square of the length takes minutes to hours for each of these; ours, two seconds."""

    def late(*_):
        raise TimeoutError("it hangs")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(100)
    try:
        assert outcome(HOSTILE[name]()) in ("read", "refused")
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def test_hostile_texts_are_counted_in_one_pass():
    for text in ("1," * 200_000 + "a", "a'" * 200_000, "http://" * 100_000, "www." * 100_000, "!" * 400_000):
        TextCounts(url=True, number=True, punctuation=True).fit([text, "word"])


def test_damaged_mails_are_read_or_refused():
    hypothesis = pytest.importorskip("hypothesis")
    raw = composed().as_bytes()

    @hypothesis.settings(max_examples=60, deadline=None)
    @hypothesis.given(
        cut=hypothesis.strategies.integers(0, len(raw)),
        place=hypothesis.strategies.integers(0, len(raw) - 1),
        bytes_=hypothesis.strategies.binary(max_size=8),
    )
    def check(cut, place, bytes_):
        damaged = (raw[:place] + bytes_ + raw[place + len(bytes_) :])[:cut]
        assert outcome(damaged) == ("read" if damaged.strip() else "refused")
        if damaged.strip():
            TextCounts(headers=True, vocabulary=["plain"]).fit_transform([damaged])

    check()


def test_other_things_are_refused_by_name():
    with pytest.raises(TypeError, match="a mail is bytes, str or a message of Python's email, not int"):
        read_mail(5)
