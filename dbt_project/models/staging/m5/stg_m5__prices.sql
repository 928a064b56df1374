with source as (

    select * from {{ source('m5', 'sell_prices') }}

),

renamed as (

    select
        ---------- ids
        cast(item_id as {{ type_text() }}) as item_id,
        cast(store_id as {{ type_text() }}) as store_id,

        ---------- weeks
        cast(wm_yr_wk as integer) as week_id,

        ---------- prices
        cast(sell_price as {{ type_double() }}) as price

    from source

)

select * from renamed
