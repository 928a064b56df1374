with source as (

    select * from {{ source('m5', 'sales_train_evaluation') }}

),

weeks as (

    select
        week_id,
        min(date) as first_date
    from {{ ref('stg_m5__calendar') }}
    group by week_id

),

first_prices as (

    select
        item_id,
        store_id,
        min(week_id) as week_id
    from {{ ref('stg_m5__prices') }}
    group by item_id, store_id

),

-- An item is on sale in a store from its first week with a price. Zeros before it are not demand.
launches as (

    select
        first_prices.item_id,
        first_prices.store_id,
        weeks.first_date as launch_date
    from first_prices
    inner join weeks on first_prices.week_id = weeks.week_id

),

renamed as (

    select
        ---------- ids
        cast(source.item_id as {{ type_text() }}) as item_id,
        cast(source.store_id as {{ type_text() }}) as store_id,
        cast(source.dept_id as {{ type_text() }}) as department_id,
        cast(source.cat_id as {{ type_text() }}) as category_id,
        cast(source.state_id as {{ type_text() }}) as region_id,

        ---------- dates
        launches.launch_date

    from source
    left join launches
        on
            source.item_id = launches.item_id
            and source.store_id = launches.store_id

)

select * from renamed
