with calendar as (

    select date from {{ ref('stg_long__calendar') }}

),

regions as (

    select distinct region_id from {{ ref('stg_long__series') }}

),

rules as (

    select step_days from {{ source('long', 'rules') }}

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
        -- Of weekly data, a week with a day that has the flag has it.
        max(case when flags.date is not null then 1 else 0 end) as regional_flag
    from calendar
    cross join regions
    cross join rules
    left join flags
        on
            regions.region_id = flags.region_id
            and calendar.date <= flags.date
            and {{ add_days('calendar.date', 'rules.step_days') }} > flags.date
    group by calendar.date, regions.region_id

)

select * from final
