{#- Groups whose dates are not one row a day from their first to their last: a duplicate, or a hole. -#}
{% test unbroken_days(model, column_name, by) %}

with validation_errors as (

    select
        {{ by | join(',\n        ') }},
        count(*) as rows_found,
        {{ days_between('min(' ~ column_name ~ ')', 'max(' ~ column_name ~ ')') }} + 1 as rows_expected
    from {{ model }}
    group by {{ by | join(', ') }}
    having count(*) <> {{ days_between('min(' ~ column_name ~ ')', 'max(' ~ column_name ~ ')') }} + 1

)

select * from validation_errors

{% endtest %}
