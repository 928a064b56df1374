-- Each of the nine levels sums to the total on every day.
with daily as (

    select
        date,
        level,
        sum(units) as units,
        sum(revenue) as revenue,
        sum(series_on_sale) as series_on_sale
    from {{ ref('fct_node_sales') }}
    group by date, level

),

validation_errors as (

    select
        daily.date,
        daily.level,
        daily.units,
        total.units as total_units,
        daily.revenue,
        total.revenue as total_revenue
    from daily
    inner join daily as total
        on
            daily.date = total.date
            and total.level = 1
    where
        abs(daily.units - total.units) > 1e-6
        -- The revenue of each node is rounded to cents.
        or abs(daily.revenue - total.revenue) > 1
        or daily.series_on_sale <> total.series_on_sale

)

select * from validation_errors
