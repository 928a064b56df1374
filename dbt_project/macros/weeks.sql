{#- Number of the week (Monday to Sunday) of a date, counted from Monday 5 January 1970. -#}
{% macro week_of(day) -%}
    cast(floor({{ days_between("cast('1970-01-05' as date)", day) }} / 7.0) as integer)
{%- endmacro %}

{#- Day of the week of a date from 1970 on, 1 (Saturday) to 7 (Friday). -#}
{% macro weekday_of(day) -%}
    cast(mod({{ days_between("cast('1970-01-03' as date)", day) }}, 7) as integer) + 1
{%- endmacro %}
