"""Any retailer's data: long tables of sales, mapped by one YAML file."""
