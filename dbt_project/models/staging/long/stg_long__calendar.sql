{#- Days past the last sale: the longest horizon that can be asked for. -#}
{%- set days_ahead = 84 -%}
{%- set weekdays = ['Saturday', 'Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday'] -%}

with bounds as (

    select
        min(date) as first_date,
        {{ add_days('max(date)', days_ahead) }} as last_date
    from {{ source('long', 'sales') }}

),

days as (

    {{ days_of('bounds') }}

),

rules as (

    select cast(step_days as integer) as step_days from {{ source('long', 'rules') }}

),

events as (

    select distinct
        cast(date as date) as date,
        cast(event_name as {{ type_text() }}) as event_name,
        cast(event_kind as {{ type_text() }}) as event_kind
    from {{ source('long', 'events') }}

),

ranked as (

    select
        events.*,
        row_number() over (partition by date order by event_name, event_kind) as place
    from events

),

final as (

    select
        ---------- days
        days.date,
        cast({{ days_between('bounds.first_date', 'days.date') }} as integer) + 1 as day_index,
        {{ week_of('days.date') }} as week_id,
        {{ weekday_of('days.date') }} as weekday,
        case {{ weekday_of('days.date') }}
            {%- for name in weekdays %}
            when {{ loop.index }} then '{{ name }}'
            {%- endfor %}
        end as weekday_name,
        rules.step_days,

        ---------- events
        first_events.event_name as event_name_1,
        first_events.event_kind as event_kind_1,
        second_events.event_name as event_name_2,
        second_events.event_kind as event_kind_2

    from days
    cross join bounds
    cross join rules
    left join ranked as first_events
        on
            days.date = first_events.date
            and first_events.place = 1
    left join ranked as second_events
        on
            days.date = second_events.date
            and second_events.place = 2

)

select * from final
