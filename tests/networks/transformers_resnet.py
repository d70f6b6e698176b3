"""transformers' ResNet, tiny and randomly initialised; 3 × 64 × 64."""

SHAPE = (3, 64, 64)


def build():
    from transformers import ResNetConfig, ResNetForImageClassification

    config = ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", num_labels=5
    )
    return ResNetForImageClassification(config)
