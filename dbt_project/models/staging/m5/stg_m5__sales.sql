{%- set days = columns_with_prefix(source('m5', 'sales_train_evaluation'), 'd_') %}

with source as (

    select * from {{ source('m5', 'sales_train_evaluation') }}

),

-- The launch is joined to one row a series, before it becomes a row a day.
series as (

    select
        source.*,
        launches.launch_date
    from source
    inner join {{ ref('stg_m5__series') }} as launches
        on
            source.item_id = launches.item_id
            and source.store_id = launches.store_id

),

days as (

    {{ unpivot_columns('series', days, 'd_', keys=['item_id', 'store_id', 'launch_date'], label='day_index', value='units', is_numeric=true) }}

),

on_sale as (

    select
        ---------- ids
        cast(days.item_id as {{ type_text() }}) as item_id,
        cast(days.store_id as {{ type_text() }}) as store_id,

        ---------- dates
        calendar.date,
        calendar.week_id,

        ---------- quantities
        cast(days.units as {{ type_double() }}) as units

    from days
    inner join {{ ref('stg_m5__calendar') }} as calendar on days.day_index = calendar.day_index
    where
        calendar.date >= days.launch_date
        and days.units is not null

)

select * from on_sale
