{#- The var as_of_step_days in weeks, or an error that names it: windows are whole weeks back from an as-of day. -#}
{% macro as_of_step_weeks() -%}
    {%- set days = var('as_of_step_days') | int -%}
    {%- if days < 7 or days % 7 != 0 -%}
        {{ exceptions.raise_compiler_error('The var as_of_step_days must be a multiple of 7, not ' ~ var('as_of_step_days') ~ '.') }}
    {%- endif -%}
    {{ return(days // 7) }}
{%- endmacro %}

{#- The day that the grid of as-of days starts on, as SQL. -#}
{% macro first_as_of_day() -%}
    cast('{{ var("first_as_of_day") }}' as date)
{%- endmacro %}
