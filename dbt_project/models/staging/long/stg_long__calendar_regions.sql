with calendar as (

    select date from {{ ref('stg_long__calendar') }}

),

regions as (

    select distinct region_id from {{ ref('stg_long__series') }}

),

flags as (

    select
        cast(date as date) as date,
        cast(region_id as {{ type_text() }}) as region_id
    from {{ source('long', 'regional_flags') }}

),

final as (

    select
        calendar.date,
        regions.region_id,
        case when flags.date is not null then 1 else 0 end as regional_flag
    from calendar
    cross join regions
    left join flags
        on
            regions.region_id = flags.region_id
            and calendar.date = flags.date

)

select * from final
