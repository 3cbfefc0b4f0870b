namespace Heed.Checkpoints.Gguf;

/// <summary>Types of values in a GGUF file's metadata (gguf.h, <c>gguf_type</c>).</summary>
internal enum GgufValueType
{
    U8 = 0,
    I8 = 1,
    U16 = 2,
    I16 = 3,
    U32 = 4,
    I32 = 5,
    F32 = 6,
    Bool = 7,
    String = 8,
    Array = 9,
    U64 = 10,
    I64 = 11,
    F64 = 12,
}

/// <summary>One value of the metadata: a number, truth value or string, or an array of them.</summary>
/// <param name="Type">What it is.</param>
/// <param name="Value"><see cref="decimal"/> for whole numbers, <see cref="double"/>, <see cref="bool"/>, <see cref="string"/>; for arrays
/// <c>long[]</c> (<c>decimal[]</c> for <see cref="GgufValueType.U64"/>), <c>double[]</c>, <c>bool[]</c>, <c>string[]</c> or
/// <c>GgufValue[]</c>.</param>
/// <param name="ElementType">Of an array: what its elements are.</param>
internal sealed record GgufValue(GgufValueType Type, object Value, GgufValueType? ElementType = null)
{
    /// <summary>Bytes of a value of fixed size; 0 for strings and arrays.</summary>
    public static int Width(GgufValueType type) => type switch
    {
        GgufValueType.U8 or GgufValueType.I8 or GgufValueType.Bool => 1,
        GgufValueType.U16 or GgufValueType.I16 => 2,
        GgufValueType.U32 or GgufValueType.I32 or GgufValueType.F32 => 4,
        GgufValueType.U64 or GgufValueType.I64 or GgufValueType.F64 => 8,
        _ => 0,
    };

    /// <summary>A string.</summary>
    public static GgufValue Of(string value) => new(GgufValueType.String, value);

    /// <summary>A truth value.</summary>
    public static GgufValue Of(bool value) => new(GgufValueType.Bool, value);

    /// <summary>A whole number of 32 bits, as most keys have.</summary>
    public static GgufValue Of(uint value) => new(GgufValueType.U32, (decimal)value);

    /// <summary>A float32.</summary>
    public static GgufValue Of(float value) => new(GgufValueType.F32, (double)value);

    /// <summary>An array of strings.</summary>
    public static GgufValue Of(string[] values) => new(GgufValueType.Array, values, GgufValueType.String);

    /// <summary>An array of 32-bit whole numbers.</summary>
    public static GgufValue Of(long[] values) => new(GgufValueType.Array, values, GgufValueType.I32);

    /// <summary>An array of float32.</summary>
    public static GgufValue Of(double[] values) => new(GgufValueType.Array, values, GgufValueType.F32);

    /// <summary>What it is, for errors: <c>the string "x"</c>, <c>the number 3</c>.</summary>
    public override string ToString() => Value switch
    {
        string text => $"the string \"{Printable.Shorten(text)}\"",
        bool flag => flag ? "true" : "false",
        decimal or double => FormattableString.Invariant($"the number {Value}"),
        Array array => $"an array of {array.Length} elements",
        _ => "a value",
    };
}
