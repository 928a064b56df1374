{#- Unicode text without a length that matters to a reader. -#}
{% macro type_text() -%}
    {{ return(adapter.dispatch('type_text', 'retail_demand')()) }}
{%- endmacro %}

{% macro default__type_text() -%}
    {{ return(dbt.type_string() | lower) }}
{%- endmacro %}

{% macro sqlserver__type_text() -%}
    {{ return('nvarchar(256)') }}
{%- endmacro %}
