{#- Combinations of values that occur more than once: the grain of a table whose key has several columns. As in dbt-utils.
    day: the one of the columns that is a date, in a table of many days a series. Counting the distinct days of a group takes
    a fifth of the time of grouping by them. -#}
{% test unique_combination_of_columns(model, combination_of_columns, day=none) %}

{%- set keys = combination_of_columns | reject('equalto', day) | join(',\n        ') %}

with validation_errors as (

    select
        {{ keys }},
        count(*) as occurrences
    from {{ model }}
    group by {{ combination_of_columns | reject('equalto', day) | join(', ') }}
    having count(*) > {{ distinct_days(day) if day else 1 }}

)

select * from validation_errors

{% endtest %}
