{#- Combinations of several columns that the other relation does not have: a relationship with a composite key. -#}
{% test refers_to(model, columns, to) %}

with children as (

    select distinct {{ columns | join(', ') }}
    from {{ model }}

),

validation_errors as (

    select children.*
    from children
    left join {{ to }} as parents
        on
            {%- for column in columns %}
            {{ 'and ' if not loop.first }}children.{{ column }} = parents.{{ column }}
            {%- endfor %}
    where parents.{{ columns[0] }} is null

)

select * from validation_errors

{% endtest %}
