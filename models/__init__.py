"""The models of a machine learning course, each a module and an estimator (installed as `tinygrad_ml.models`)."""

from typing import TYPE_CHECKING

from tinygrad_ml.foreign_names import module_getattr

from .base import Model
from .baseline_classifier import BaselineClassifier
from .baseline_regressor import BaselineRegressor
from .binary_chain import BinaryChain
from .char_rnn import CharRNN
from .classifier import Classifier
from .classifier_chain import ClassifierChain
from .conv_net import ConvNet
from .denoising_autoencoder import DenoisingAutoencoder
from .elastic_net import ElasticNet, ElasticNetCV
from .embedding_classifier import EmbeddingClassifier
from .embedding_regressor import EmbeddingRegressor
from .lasso import Lasso, LassoCV
from .linear_regression import LinearRegression
from .linear_svm import LinearSVM
from .locally_weighted_regression import LocallyWeightedRegression
from .logistic_regression import LogisticRegression
from .mlp_classifier import MLPClassifier
from .mlp_regressor import MLPRegressor
from .multi_head import MultiHeadMLP
from .one_vs_one import OneVsOne
from .one_vs_rest import OneVsRest
from .pca import PCA
from .perceptron import Perceptron
from .poisson_regression import PoissonRegression
from .polynomial_regression import PolynomialRegression
from .regressor import Regressor
from .ridge import Ridge, RidgeCV
from .softmax_regression import SoftmaxRegression
from .word2vec import Word2Vec

__all__ = [
    "BaselineClassifier",
    "BaselineRegressor",
    "BinaryChain",
    "CharRNN",
    "Classifier",
    "ClassifierChain",
    "ConvNet",
    "DenoisingAutoencoder",
    "ElasticNet",
    "ElasticNetCV",
    "EmbeddingClassifier",
    "EmbeddingRegressor",
    "Lasso",
    "LassoCV",
    "LinearRegression",
    "LinearSVM",
    "LocallyWeightedRegression",
    "LogisticRegression",
    "MLPClassifier",
    "MLPRegressor",
    "Model",
    "MultiHeadMLP",
    "OneVsOne",
    "OneVsRest",
    "PCA",
    "Perceptron",
    "PoissonRegression",
    "PolynomialRegression",
    "Regressor",
    "Ridge",
    "RidgeCV",
    "SoftmaxRegression",
    "Word2Vec",
]

if not TYPE_CHECKING:  # which knows what there is
    __getattr__ = module_getattr("tg.models")
