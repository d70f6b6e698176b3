"""transformers' ViT, tiny and randomly initialised; 3 × 32 × 32."""

SHAPE = (3, 32, 32)


def build():
    from transformers import ViTConfig, ViTForImageClassification

    config = ViTConfig(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        image_size=32,
        patch_size=4,
        num_labels=5,
    )
    return ViTForImageClassification(config)
