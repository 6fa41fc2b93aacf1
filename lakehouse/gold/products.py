"""gold.products: the range of goods as it is now."""

from pyspark.sql import DataFrame


def build(products: DataFrame) -> DataFrame:
    """Take the version in force of each product.

    Takes   products  silver.products
    Gives   gold.products
    """
    return products.where("valid_to IS NULL").select(
        "product_id",
        "department",
        "category",
        "product_type",
        "brand",
        "list_price_cents",
        "unit_weight_g",
    )
