with series as (

    select
        item_id,
        store_id
    from {{ ref('stg_long__series') }}

),

first_day as (

    select min(date) as first_date from {{ ref('stg_long__calendar') }}

),

-- A price holds from its date on; one from before the first day of sales holds on that day.
listed as (

    select
        series.item_id,
        series.store_id,
        {{ week_of('greatest(prices.date, first_day.first_date)') }} as week_id,
        cast(prices.price as {{ type_double() }}) as price,
        row_number() over (
            partition by series.item_id, series.store_id, {{ week_of('greatest(prices.date, first_day.first_date)') }}
            order by prices.date desc, case when prices.store_id is null then 1 else 0 end
        ) as place
    from {{ source('long', 'prices') }} as prices
    inner join series
        on
            prices.item_id = series.item_id
            and coalesce(prices.store_id, series.store_id) = series.store_id
    cross join first_day

),

-- Prices on sales: what the week's units cost on average.
paid as (

    select
        item_id,
        store_id,
        {{ week_of('date') }} as week_id,
        sum(units * price) / sum(units) as price
    from {{ source('long', 'sales') }}
    where price is not null and units > 0
    group by item_id, store_id, {{ week_of('date') }}

),

final as (

    select
        ---------- ids
        item_id,
        store_id,

        ---------- weeks
        week_id,

        ---------- prices
        price

    from listed
    where place = 1
    union all
    select
        cast(paid.item_id as {{ type_text() }}) as item_id,
        cast(paid.store_id as {{ type_text() }}) as store_id,
        paid.week_id,
        cast(paid.price as {{ type_double() }}) as price
    from paid
    inner join series
        on
            paid.item_id = series.item_id
            and paid.store_id = series.store_id

)

select * from final
