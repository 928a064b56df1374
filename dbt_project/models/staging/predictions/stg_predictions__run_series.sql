with source as (

    select * from {{ source('predictions', 'run_series') }}

),

renamed as (

    select
        ---------- ids
        cast(source.run_id as {{ type_text() }}) as run_id,
        cast(source.store_id as {{ type_text() }}) as store_id,
        cast(source.item_id as {{ type_text() }}) as item_id,
        cast(source.department_id as {{ type_text() }}) as department_id,
        cast(source.category_id as {{ type_text() }}) as category_id,
        cast(source.region_id as {{ type_text() }}) as region_id,

        ---------- states
        cast(source.demand_class as {{ type_text() }}) as demand_class,

        ---------- dates
        cast(source.launch_date as date) as launch_date,

        ---------- quantities
        cast(source.price as {{ type_double() }}) as price,
        cast(source.units_last_28 as {{ type_double() }}) as units_last_28

    from source
    inner join {{ ref('stg_predictions__model_runs') }} as runs on source.run_id = runs.run_id

)

select * from renamed
