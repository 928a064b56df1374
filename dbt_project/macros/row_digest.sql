{#- A 64-bit digest of expressions of a row, which shows whether they changed. It differs by engine and version.
    bit_xor() of the digests of several rows is their digest, in any order. Only the warehouse zone uses it. -#}
{% macro row_digest(expressions) -%}
    {{ return(adapter.dispatch('row_digest', 'retail_demand')(expressions)) }}
{%- endmacro %}

{% macro default__row_digest(expressions) -%}
    {%- if execute -%}{# every target parses every model, but builds its own zone alone #}
    {{ exceptions.raise_compiler_error('row_digest is not written for ' ~ target.type ~ '.') }}
    {%- endif -%}
{%- endmacro %}

{#- hash() combines its arguments by xor, so without the outer one bit_xor() would cancel a value that is in two rows.
    It is unsigned: one bit less fits the signed type that every engine has. -#}
{% macro duckdb__row_digest(expressions) -%}
    cast(hash(hash({{ expressions | join(', ') }})) >> 1 as bigint)
{%- endmacro %}

{% macro spark__row_digest(expressions) -%}
    xxhash64({{ expressions | join(', ') }})
{%- endmacro %}
