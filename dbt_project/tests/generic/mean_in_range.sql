{#- A mean outside of `minimum` and `maximum`, for data that is dirty in places: the share of rows with a 0/1 flag. -#}
{% test mean_in_range(model, column_name, minimum=0, maximum=none) %}

with means as (

    select avg(cast({{ column_name }} as {{ type_double() }})) as mean
    from {{ model }}

),

validation_errors as (

    select mean
    from means
    where
        mean < {{ minimum }}
        {%- if maximum is not none %}
        or mean > {{ maximum }}
        {%- endif %}

)

select * from validation_errors

{% endtest %}
