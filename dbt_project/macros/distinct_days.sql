{#- Number of different days of a group, as SQL. -#}
{% macro distinct_days(day) -%}
    {{ return(adapter.dispatch('distinct_days', 'retail_demand')(day)) }}
{%- endmacro %}

{% macro default__distinct_days(day) -%}
    {{ return('count(distinct ' ~ day ~ ')') }}
{%- endmacro %}

{#- One bit for each day of the hundred years from 1970. A day outside of them is an error. -#}
{% macro duckdb__distinct_days(day) -%}
    {{ return("bit_count(bitstring_agg(" ~ day ~ " - date '1970-01-01', 0, 36524))") }}
{%- endmacro %}
