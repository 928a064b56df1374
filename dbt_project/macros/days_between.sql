{#- Whole days from one date to another, negative if the other is earlier. -#}
{% macro days_between(first, last) -%}
    {{ return(adapter.dispatch('days_between', 'retail_demand')(first, last)) }}
{%- endmacro %}

{% macro default__days_between(first, last) -%}
    {{ return(dbt.datediff(first, last, 'day') | trim) }}
{%- endmacro %}

{#- dbt.datediff casts both to timestamps first. -#}
{% macro duckdb__days_between(first, last) -%}
    {{ return("date_diff('day', " ~ first ~ ', ' ~ last ~ ')') }}
{%- endmacro %}

{#- Databricks' own macro truncates both to days and calls timestampdiff. -#}
{% macro spark__days_between(first, last) -%}
    {{ return('datediff(' ~ last ~ ', ' ~ first ~ ')') }}
{%- endmacro %}
