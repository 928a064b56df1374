{#- The 64-bit floating type; dbt.type_float() is 32-bit on DuckDB and Spark. -#}
{% macro type_double() -%}
    {{ return(adapter.dispatch('type_double', 'retail_demand')()) }}
{%- endmacro %}

{% macro default__type_double() -%}
    {{ return('double') }}
{%- endmacro %}

{% macro sqlserver__type_double() -%}
    {{ return('float') }}
{%- endmacro %}
