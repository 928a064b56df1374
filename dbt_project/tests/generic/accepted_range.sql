{#- Values below `min_value` or above `max_value`, of which one may be left out. Null is no violation. As in dbt-utils. -#}
{% test accepted_range(model, column_name, min_value=none, max_value=none) %}

with validation_errors as (

    select {{ column_name }}
    from {{ model }}
    where
        {%- if min_value is not none %}
        {{ column_name }} < {{ min_value }}
        {%- endif %}
        {%- if min_value is not none and max_value is not none %}
        or
        {%- endif %}
        {%- if max_value is not none %}
        {{ column_name }} > {{ max_value }}
        {%- endif %}

)

select * from validation_errors

{% endtest %}
