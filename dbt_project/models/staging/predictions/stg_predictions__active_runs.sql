with source as (

    select * from {{ source('predictions', 'active_runs') }}

),

renamed as (

    select
        ---------- ids
        cast(store_id as {{ type_text() }}) as store_id,
        cast(run_id as {{ type_text() }}) as run_id,

        ---------- times
        cast(activated_at as {{ type_timestamp_utc() }}) as activated_at

    from source

)

select * from renamed
