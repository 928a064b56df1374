with sales as (

    select * from {{ ref('stg_long__sales') }}

),

digests as (

    select
        item_id,
        store_id,
        period_id,
        cast(count(*) as integer) as days,
        bit_xor({{ row_digest(['date', 'units']) }}) as digest
    from sales
    group by item_id, store_id, period_id

)

select * from digests
