"""The warehouse zone: its connection, the dbt builds that fill it, and the marts as the model reads them."""
