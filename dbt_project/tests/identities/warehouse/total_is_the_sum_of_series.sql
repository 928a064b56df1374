-- Nothing is lost between the series and the nodes.
with series as (

    select
        date,
        sum(units) as units,
        sum(revenue) as revenue
    from {{ ref('fct_daily_sales') }}
    group by date

),

total as (

    select * from {{ ref('fct_node_sales') }}
    where level = 1

),

validation_errors as (

    select
        coalesce(series.date, total.date) as date,
        series.units as series_units,
        total.units as total_units
    from series
    full outer join total on series.date = total.date
    where
        series.units is null
        or total.units is null
        or abs(series.units - total.units) > 1e-6
        or abs(series.revenue - total.revenue) > 1

)

select * from validation_errors
