{#- Rows for which an expression of their columns is false. Null is no violation. As in dbt-utils. -#}
{% test expression_is_true(model, expression) %}

with validation_errors as (

    select *
    from {{ model }}
    where not ({{ expression }})

)

select * from validation_errors

{% endtest %}
