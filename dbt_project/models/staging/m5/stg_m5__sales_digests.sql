{%- set periods = {} -%}
{%- for column in columns_with_prefix(source('m5', 'sales_train_evaluation'), 'd_') -%}
    {%- do periods.setdefault('digest_' ~ ((column[2:] | int - 1) // 28 + 1), []).append(column) -%}
{%- endfor %}

with source as (

    select * from {{ source('m5', 'sales_train_evaluation') }}

),

-- From the wide row itself: a digest of 28 columns costs a twentieth of one over 28 rows.
digests as (

    select
        item_id,
        store_id
        {%- for period, columns in periods.items() %},
        {{ row_digest(columns) }} as {{ period }}
        {%- endfor %}
    from source

),

unpivoted as (

    {{ unpivot_columns('digests', periods.keys() | list, 'digest_', keys=['item_id', 'store_id'], label='period_id', value='digest', is_numeric=true) }}

),

days as (

    {%- for period, columns in periods.items() %}
    select
        {{ period[7:] }} as period_id,
        {{ columns | length }} as days
    {{- '\n    union all' if not loop.last }}
    {%- endfor %}

),

final as (

    select
        ---------- keys
        cast(unpivoted.item_id as {{ type_text() }}) as item_id,
        cast(unpivoted.store_id as {{ type_text() }}) as store_id,
        cast(unpivoted.period_id as integer) as period_id,

        ---------- contents
        cast(days.days as integer) as days,
        cast(unpivoted.digest as bigint) as digest

    from unpivoted
    inner join days on unpivoted.period_id = days.period_id

)

select * from final
