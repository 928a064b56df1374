{#- A moment in UTC without a zone. -#}
{% macro type_timestamp_utc() -%}
    {{ return(adapter.dispatch('type_timestamp_utc', 'retail_demand')()) }}
{%- endmacro %}

{% macro default__type_timestamp_utc() -%}
    {{ return('timestamp') }}
{%- endmacro %}

{% macro sqlserver__type_timestamp_utc() -%}
    {{ return('datetime2(6)') }}
{%- endmacro %}
