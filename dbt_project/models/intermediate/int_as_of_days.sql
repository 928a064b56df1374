{#- Weeks of the longest feature window. -#}
{%- set window_weeks = 52 %}

with last_day as (

    select max(date) as last_date from {{ ref('fct_daily_sales') }}

),

known_days as (

    select
        calendar.date,
        calendar.weekday,
        calendar.week_id,
        last_day.last_date,
        {{ days_between('calendar.date', 'last_day.last_date') }} as days_before_last,
        {{ days_between(first_as_of_day(), 'calendar.date') }} as days_of_grid,
        mod({{ days_between(first_as_of_day(), 'last_day.last_date') }}, 7) as days_off_grid
    from {{ ref('dim_calendar') }} as calendar
    cross join last_day
    where calendar.date <= last_day.last_date

),

-- The grid does not move when a day is added: history stays as it is.
grid as (

    select
        date,
        {{ add_days('date', 'mod(7 - mod(days_of_grid, 7), 7)') }} as as_of_date,
        case when mod(cast(ceil(days_of_grid / 7.0) as integer), {{ as_of_step_weeks() }}) = 0 then 1 else 0 end as is_feature_day
    from known_days
    where mod(7 - mod(days_of_grid, 7), 7) <= days_before_last

),

-- The last sale day and whole weeks before it, unless it is on the grid: forecasts and backtest folds start there.
recent as (

    select
        date,
        {{ add_days('date', 'mod(days_before_last, 7)') }} as as_of_date,
        case when floor(days_before_last / 7.0) <= {{ var('as_of_recent_weeks') }} then 1 else 0 end as is_feature_day
    from known_days
    where
        days_off_grid <> 0
        and days_before_last < 7 * {{ var('as_of_recent_weeks') + window_weeks }}

),

unioned as (

    select * from grid
    union all
    select * from recent

),

final as (

    select
        ---------- days
        unioned.date,
        unioned.as_of_date,
        known_days.weekday,
        as_of_days.weekday as as_of_weekday,
        known_days.week_id,

        ---------- flags
        unioned.is_feature_day

    from unioned
    inner join known_days on unioned.date = known_days.date
    inner join known_days as as_of_days on unioned.as_of_date = as_of_days.date

)

select * from final
