{#- The nine quantiles that the store keeps with every forecast, lowest first. -#}
{% macro quantile_columns() -%}
    {{ return(['q_0_005', 'q_0_025', 'q_0_165', 'q_0_25', 'q_0_5', 'q_0_75', 'q_0_835', 'q_0_975', 'q_0_995']) }}
{%- endmacro %}
