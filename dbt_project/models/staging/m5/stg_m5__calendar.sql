with source as (

    select * from {{ source('m5', 'calendar') }}

),

renamed as (

    select
        ---------- days
        cast(date as date) as date,
        cast(substring(d, 3) as integer) as day_index,
        cast(wm_yr_wk as integer) as week_id,
        cast(wday as integer) as weekday,
        cast(weekday as {{ type_text() }}) as weekday_name,
        1 as step_days,

        ---------- events
        nullif(cast(event_name_1 as {{ type_text() }}), '') as event_name_1,
        nullif(cast(event_type_1 as {{ type_text() }}), '') as event_kind_1,
        nullif(cast(event_name_2 as {{ type_text() }}), '') as event_name_2,
        nullif(cast(event_type_2 as {{ type_text() }}), '') as event_kind_2

    from source

)

select * from renamed
