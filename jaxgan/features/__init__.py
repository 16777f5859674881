"""Feature networks: functions from images to the features that metrics compare, by name."""

from collections.abc import Callable

from jaxgan.features.autoencoder import autoencoder_features
from jaxgan.features.classifier import train_classifier
from jaxgan.features.classifier_cache import classifier_features, load_classifier
from jaxgan.features.efficientnet import efficientnet_features, load_efficientnet
from jaxgan.features.inception import inception_features, load_inception
from jaxgan.features.multiscale import scales
from jaxgan.features.network import (
    FeatureNetwork,
    ImageData,
    extract,
    feature_batches,
    from_function,
    stacked_labels,
)
from jaxgan.features.pixels import pca_features, pixel_features, pixels_pca
from jaxgan.features.random_convolution import random_conv_features, random_convolutional
from jaxgan.features.stacked_classifier import stacked_classifier_features
from jaxgan.features.vgg import load_vgg16, vgg16_features

__all__ = [
    "FEATURES",
    "FeatureNetwork",
    "ImageData",
    "autoencoder_features",
    "classifier_features",
    "efficientnet_features",
    "extract",
    "feature_batches",
    "from_function",
    "inception_features",
    "load_classifier",
    "load_efficientnet",
    "load_inception",
    "load_vgg16",
    "pca_features",
    "pixel_features",
    "pixels_pca",
    "random_conv_features",
    "random_convolutional",
    "scales",
    "stacked_classifier_features",
    "stacked_labels",
    "train_classifier",
    "vgg16_features",
]

# Each maps an ImageData, and its own hyperparameters as keywords, to a FeatureNetwork.
FEATURES: dict[str, Callable[..., FeatureNetwork]] = {
    "autoencoder": autoencoder_features,
    "classifier": classifier_features,
    "efficientnet_lite0": efficientnet_features,
    "inception": inception_features,
    "pca": pca_features,
    "pixels": pixel_features,
    "random_conv": random_conv_features,
    "stacked_classifier": stacked_classifier_features,
    "vgg16": vgg16_features,
}
