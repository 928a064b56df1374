{#- Rows whose values of `columns` occur more than once: the grain of a table with a key of several columns. -#}
{% test unique_combination(model, columns) %}

with validation_errors as (

    select
        {{ columns | join(',\n        ') }},
        count(*) as occurrences
    from {{ model }}
    group by {{ columns | join(', ') }}
    having count(*) > 1

)

select * from validation_errors

{% endtest %}
