using System.Text.Json.Nodes;
using Heed.Engine.Nn;

namespace Heed.Models;

/// <summary>RoPE's fields in <c>config.json</c>: version 5's <c>rope_parameters</c>, and version 4's <c>rope_scaling</c>.</summary>
internal static class ConfigRope
{
    /// <summary>Version 4's object, or null if it is missing, null or empty.</summary>
    public static ConfigReader? Older(ConfigReader file)
        => file.Nested("rope_scaling") is { } old && old.Root.EnumerateObject().Any() ? old : null;

    /// <summary>Reads one kind of layers' RoPE.</summary>
    /// <param name="file">The file, whose <c>original_max_position_embeddings</c> comes first.</param>
    /// <param name="rope">The object.</param>
    /// <param name="theta">Base of the frequencies, unless the object gives another.</param>
    /// <param name="context">Tokens of the trained context.</param>
    public static (double Theta, RopeScaling? Scaling) Read(ConfigReader file, ConfigReader rope, double theta, int context)
    {
        RefusePartial(rope);
        theta = rope.Number("rope_theta", theta, 1e-3);
        string type = rope.Text("rope_type") ?? rope.Text("type") ?? "default";
        if (type == "default") return (theta, null);
        RopeScalingKind kind = type switch
        {
            "linear" => RopeScalingKind.Linear,
            "dynamic" => RopeScalingKind.Dynamic,
            "yarn" => RopeScalingKind.Yarn,
            "llama3" => RopeScalingKind.Llama3,
            "longrope" or "su" => RopeScalingKind.LongRope,
            _ => throw rope.Wrong("rope_type", $"is \"{Printable.Shorten(type)}\"; one of default, linear, dynamic, yarn, llama3, longrope was expected. Choose a model with one of these"),
        };
        bool stretched = kind is RopeScalingKind.Yarn or RopeScalingKind.LongRope;
        int original = file.OptionalSize("original_max_position_embeddings") ?? rope.OptionalSize("original_max_position_embeddings") ?? 0;
        foreach (string name in kind == RopeScalingKind.Llama3 ? (ReadOnlySpan<string>)["factor", "low_freq_factor", "high_freq_factor"] : stretched ? [] : ["factor"])
            if (!rope.Has(name)) throw rope.Wrong(name, $"is missing; rope_type \"{type}\" needs it. Add it");
        return (theta, new RopeScaling
        {
            Kind = kind,
            Factor = rope.Number("factor", original > 0 ? (double)context / original : 1, 1e-6),
            OriginalLength = original,
            // Only these two kinds have one; the others leave the rotated rows as long as they were.
            AttentionFactor = stretched && rope.Has("attention_factor") ? rope.Number("attention_factor", 1) : null,
            BetaFast = OrStandard(rope.Number("beta_fast", 32), 32),
            BetaSlow = OrStandard(rope.Number("beta_slow", 1), 1),
            Scale = rope.Has("mscale") ? rope.Number("mscale", 1) : null,
            ScaleAll = rope.Has("mscale_all_dim") ? rope.Number("mscale_all_dim", 1) : null,
            Truncate = rope.Flag("truncate", true),
            LowFrequencyFactor = rope.Number("low_freq_factor", 1),
            HighFrequencyFactor = rope.Number("high_freq_factor", 4),
            ShortFactors = rope.Numbers("short_factor"),
            LongFactors = rope.Numbers("long_factor"),
        });
    }

    /// <summary>Refuses RoPE on a part of each head.</summary>
    public static void RefusePartial(ConfigReader file)
    {
        double part = file.Number("partial_rotary_factor", 1);
        if (part != 1) throw file.Wrong("partial_rotary_factor", string.Create(System.Globalization.CultureInfo.InvariantCulture, $"is {part}; here RoPE turns whole heads, as 1 says. Choose a model without it"));
    }

    /// <summary>The object of one kind of layers, as version 5 writes it.</summary>
    public static JsonObject Write(double theta, RopeScaling? scaling)
    {
        JsonObject json = new() { ["rope_theta"] = theta };
        if (scaling is not { } s)
        {
            json["rope_type"] = "default";
            return json;
        }

        json["rope_type"] = s.Kind switch
        {
            RopeScalingKind.Linear => "linear",
            RopeScalingKind.Dynamic => "dynamic",
            RopeScalingKind.Yarn => "yarn",
            RopeScalingKind.Llama3 => "llama3",
            _ => "longrope",
        };
        json["factor"] = s.Factor;
        if (s.OriginalLength > 0) json["original_max_position_embeddings"] = s.OriginalLength;
        if (s.AttentionFactor is { } a) json["attention_factor"] = a;
        if (s.Kind == RopeScalingKind.Yarn)
        {
            json["beta_fast"] = s.BetaFast;
            json["beta_slow"] = s.BetaSlow;
            if (s.Scale is { } scale) json["mscale"] = scale;
            if (s.ScaleAll is { } all) json["mscale_all_dim"] = all;
            if (!s.Truncate) json["truncate"] = false;
        }

        if (s.Kind == RopeScalingKind.Llama3)
        {
            json["low_freq_factor"] = s.LowFrequencyFactor;
            json["high_freq_factor"] = s.HighFrequencyFactor;
        }

        if (s.ShortFactors is { } shorts) json["short_factor"] = new JsonArray([.. shorts.Select(f => (JsonNode)f)]);
        if (s.LongFactors is { } longs) json["long_factor"] = new JsonArray([.. longs.Select(f => (JsonNode)f)]);
        return json;
    }

    /// <summary>0 says nothing, as in the reference.</summary>
    private static double OrStandard(double value, double standard) => value == 0 ? standard : value;
}
