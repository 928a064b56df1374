{#- Names of a relation's columns that start with a prefix, in the relation's order.
    Empty while dbt parses, when there is no connection. -#}
{% macro columns_with_prefix(relation, prefix) -%}
    {%- set names = [] -%}
    {%- if execute -%}
        {%- for column in adapter.get_columns_in_relation(relation) if column.name.startswith(prefix) -%}
            {%- do names.append(column.name) -%}
        {%- endfor -%}
        {%- if not names -%}
            {{ exceptions.raise_compiler_error(relation ~ ' has no column that starts with ' ~ prefix ~ '. Ingest it again.') }}
        {%- endif -%}
    {%- endif -%}
    {{ return(names) }}
{%- endmacro %}
