{#- The staging model of the configured source, e.g. source_model('sales') is stg_m5__sales for the source m5. -#}
{% macro source_model(name) -%}
    {{ return(ref('stg_' ~ var('source') ~ '__' ~ name)) }}
{%- endmacro %}
