-- A series has one row for each day from its launch to the last sale day.
with counted as (

    select
        item_id,
        store_id,
        count(*) as days
    from {{ ref('fct_daily_sales') }}
    group by item_id, store_id

),

validation_errors as (

    select
        series.item_id,
        series.store_id,
        coalesce(counted.days, 0) as days,
        {{ days_between('series.launch_date', 'series.last_date') }} + 1 as days_expected
    from {{ ref('dim_series') }} as series
    left join counted
        on
            series.item_id = counted.item_id
            and series.store_id = counted.store_id
    where
        series.launch_date <= series.last_date
        and coalesce(counted.days, 0) <> {{ days_between('series.launch_date', 'series.last_date') }} + 1

)

select * from validation_errors
