{#- A date spine: a select of every `date` from `first_date` to `last_date` of a relation of one row. -#}
{% macro days_of(bounds) -%}
    {{ return(adapter.dispatch('days_of', 'retail_demand')(bounds)) }}
{%- endmacro %}

{% macro default__days_of(bounds) -%}
    select explode(sequence(first_date, last_date)) as date from {{ bounds }}
{%- endmacro %}

{% macro duckdb__days_of(bounds) -%}
    select cast(unnest(generate_series(first_date, last_date, interval 1 day)) as date) as date from {{ bounds }}
{%- endmacro %}
