{#- Periods by the number of their first day: 28 days each. The days of the last, incomplete period are periods of
    their own, so that a new day does not change the days before it. -#}
{%- set columns = columns_with_prefix(source('m5', 'sales_train_evaluation'), 'd_') -%}
{%- set days = columns | map('replace', 'd_', '') | map('int') | list -%}
{%- set complete_days = (days | max // 28) * 28 if days else 0 -%}
{%- set periods = {} -%}
{%- for day in days -%}
    {%- set first_day = (day - 1) // 28 * 28 + 1 if day <= complete_days else day -%}
    {%- do periods.setdefault('digest_' ~ first_day, []).append('d_' ~ day) -%}
{%- endfor %}

with source as (

    select * from {{ source('m5', 'sales_train_evaluation') }}

),

-- From the wide row itself: a digest of 28 columns costs a twentieth of one over 28 rows.
digests as (

    select
        item_id,
        store_id
        {%- for period, period_columns in periods.items() %},
        {{ row_digest(period_columns) }} as {{ period }}
        {%- endfor %}
    from source

),

unpivoted as (

    {{ unpivot_columns('digests', periods.keys() | list, 'digest_', keys=['item_id', 'store_id'], label='day_index', value='digest', is_numeric=true) }}

),

final as (

    select
        ---------- keys
        cast(unpivoted.item_id as {{ type_text() }}) as item_id,
        cast(unpivoted.store_id as {{ type_text() }}) as store_id,
        calendar.date as first_date,

        ---------- contents
        cast(unpivoted.digest as bigint) as digest

    from unpivoted
    inner join {{ ref('stg_m5__calendar') }} as calendar on unpivoted.day_index = calendar.day_index

)

select * from final
