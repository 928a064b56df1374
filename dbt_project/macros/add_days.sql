{#- A date some days later, as a date: dbt.dateadd gives a timestamp on DuckDB. -#}
{% macro add_days(day, days) -%}
    cast({{ dbt.dateadd('day', days, day) | trim }} as date)
{%- endmacro %}
