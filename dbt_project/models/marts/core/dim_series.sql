with series as (

    select * from {{ source_model('series') }}

),

first_sales as (

    select
        item_id,
        store_id,
        min(date) as first_sale_date
    from {{ ref('fct_daily_sales') }}
    where units > 0
    group by item_id, store_id

),

last_day as (

    select max(date) as last_date from {{ ref('fct_daily_sales') }}

),

final as (

    select
        ---------- ids
        series.item_id,
        series.store_id,
        series.department_id,
        series.category_id,
        series.region_id,
        {{ dbt.concat(['series.store_id', "'|'", 'series.department_id']) }} as store_department_id,

        ---------- dates
        series.launch_date,
        first_sales.first_sale_date,
        last_day.last_date

    from series
    cross join last_day
    left join first_sales
        on
            series.item_id = first_sales.item_id
            and series.store_id = first_sales.store_id

)

select * from final
