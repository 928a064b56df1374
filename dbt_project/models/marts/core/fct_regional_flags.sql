with flags as (

    select
        date,
        region_id,
        regional_flag
    from {{ source_model('calendar_regions') }}

)

select * from flags
