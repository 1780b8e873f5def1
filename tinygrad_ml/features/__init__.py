"""Features that are learned from the training part of the data, by scikit-learn's protocol, without needing it.

    features = Columns({"age": [Impute(), Scale()], "fare": [Log(), Scale()], "sex": OneHot(min_count=5)})
    model = make_pipeline(features, LogisticRegression()).fit(train, y)

Each is fitted on the training part and then applied to any other, in pipelines and column transformers of scikit-learn
or by `Columns`. It takes arrays, and frames of pandas and of polars by the names of their columns.
"""

from typing import TYPE_CHECKING

from ..foreign_names import module_getattr
from .buckets import Bucketize
from .categories import EmbeddingIds, OneHot, Ordinal
from .columns import Columns
from .crosses import Cross, Hash
from .impute import Impute
from .mail import Mail, mail_table, read_mail
from .numeric import Clip, Log, Polynomial, Scale
from .transformer import Transformer
from .words import TextCounts

__all__ = [
    "Bucketize",
    "Clip",
    "Columns",
    "Cross",
    "EmbeddingIds",
    "Hash",
    "Impute",
    "Log",
    "Mail",
    "OneHot",
    "Ordinal",
    "Polynomial",
    "Scale",
    "TextCounts",
    "Transformer",
    "mail_table",
    "read_mail",
]

if not TYPE_CHECKING:  # which knows what there is
    __getattr__ = module_getattr("tg.features")
