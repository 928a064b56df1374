{#- Rows for which a condition among their columns is false; a null condition is no violation. -#}
{% test holds(model, condition) %}

with validation_errors as (

    select *
    from {{ model }}
    where not ({{ condition }})

)

select * from validation_errors

{% endtest %}
