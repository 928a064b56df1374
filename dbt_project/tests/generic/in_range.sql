{#- Values under `minimum` or over `maximum`; either may be left out. Null is no violation. -#}
{% test in_range(model, column_name, minimum=none, maximum=none) %}

with validation_errors as (

    select {{ column_name }}
    from {{ model }}
    where
        {%- if minimum is not none %}
        {{ column_name }} < {{ minimum }}
        {%- endif %}
        {%- if minimum is not none and maximum is not none %}
        or
        {%- endif %}
        {%- if maximum is not none %}
        {{ column_name }} > {{ maximum }}
        {%- endif %}

)

select * from validation_errors

{% endtest %}
