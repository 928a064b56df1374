with last_day as (

    select max(date) as last_date from {{ ref('fct_daily_sales') }}

),

known_days as (

    select
        calendar.date,
        calendar.weekday,
        calendar.week_id,
        {{ days_between('calendar.date', 'last_day.last_date') }} as days_before_last
    from {{ ref('dim_calendar') }} as calendar
    cross join last_day
    where calendar.date <= last_day.last_date

),

final as (

    select
        ---------- days
        date,
        {{ add_days('date', 'mod(days_before_last, 7)') }} as as_of_date,
        cast(mod(days_before_last, 7) as integer) as days_before_as_of,
        weekday,
        week_id,

        ---------- weeks
        cast(floor(days_before_last / 7.0) as integer) as weeks_before_last

    from known_days

)

select * from final
