namespace Heed.Checkpoints.Gguf;

/// <summary>How a tensor of a GGUF file is stored; the numbers are the file's own (ggml.h, <c>ggml_type</c>).</summary>
internal enum GgufType
{
    F32 = 0,
    F16 = 1,
    Q4_0 = 2,
    Q4_1 = 3,
    Q5_0 = 6,
    Q5_1 = 7,
    Q8_0 = 8,
    Q2_K = 10,
    Q3_K = 11,
    Q4_K = 12,
    Q5_K = 13,
    Q6_K = 14,
    IQ2_XXS = 16,
    IQ2_XS = 17,
    IQ3_XXS = 18,
    IQ1_S = 19,
    IQ4_NL = 20,
    IQ3_S = 21,
    IQ2_S = 22,
    IQ4_XS = 23,
    I8 = 24,
    I16 = 25,
    I32 = 26,
    I64 = 27,
    F64 = 28,
    IQ1_M = 29,
    BF16 = 30,
    TQ1_0 = 34,
    TQ2_0 = 35,
    MXFP4 = 39,
    NVFP4 = 40,
}

/// <summary>Sizes of the stored types.</summary>
internal static class GgufTypes
{
    // Values and bytes of a block; a row of a tensor is whole blocks.
    private static readonly Dictionary<GgufType, (int Values, int Bytes)> Blocks = new()
    {
        [GgufType.F32] = (1, 4),
        [GgufType.F16] = (1, 2),
        [GgufType.BF16] = (1, 2),
        [GgufType.F64] = (1, 8),
        [GgufType.I8] = (1, 1),
        [GgufType.I16] = (1, 2),
        [GgufType.I32] = (1, 4),
        [GgufType.I64] = (1, 8),
        [GgufType.Q4_0] = (32, 18),
        [GgufType.Q4_1] = (32, 20),
        [GgufType.Q5_0] = (32, 22),
        [GgufType.Q5_1] = (32, 24),
        [GgufType.Q8_0] = (32, 34),
        [GgufType.Q2_K] = (256, 84),
        [GgufType.Q3_K] = (256, 110),
        [GgufType.Q4_K] = (256, 144),
        [GgufType.Q5_K] = (256, 176),
        [GgufType.Q6_K] = (256, 210),
        [GgufType.IQ1_S] = (256, 50),
        [GgufType.IQ1_M] = (256, 56),
        [GgufType.IQ2_XXS] = (256, 66),
        [GgufType.IQ2_XS] = (256, 74),
        [GgufType.IQ2_S] = (256, 82),
        [GgufType.IQ3_XXS] = (256, 98),
        [GgufType.IQ3_S] = (256, 110),
        [GgufType.IQ4_NL] = (32, 18),
        [GgufType.IQ4_XS] = (256, 136),
        [GgufType.TQ1_0] = (256, 54),
        [GgufType.TQ2_0] = (256, 66),
        [GgufType.MXFP4] = (32, 17),
        [GgufType.NVFP4] = (64, 36),
    };

    /// <summary>True if the number is a type of the format.</summary>
    public static bool IsKnown(GgufType type) => Blocks.ContainsKey(type);

    /// <summary>Values of a block.</summary>
    public static int BlockValues(this GgufType type) => Blocks[type].Values;

    /// <summary>Bytes of a block.</summary>
    public static int BlockBytes(this GgufType type) => Blocks[type].Bytes;

    /// <summary>The type of plain numbers that the engine's readers know; null for blocks.</summary>
    public static DType? Plain(this GgufType type) => type switch
    {
        GgufType.F32 => DType.F32,
        GgufType.F16 => DType.F16,
        GgufType.BF16 => DType.BF16,
        GgufType.F64 => DType.F64,
        GgufType.I8 => DType.I8,
        GgufType.I16 => DType.I16,
        GgufType.I32 => DType.I32,
        GgufType.I64 => DType.I64,
        _ => null,
    };

    /// <summary>Names of all types, for errors.</summary>
    public static string Names { get; } = string.Join(", ", Blocks.Keys.Order());

    /// <summary>What a number means that is a type of the format and none of weights, or was one; null for any other.</summary>
    public static string? NameOfRefused(uint type) => type switch
    {
        4 => "Q4_2, which was withdrawn",
        5 => "Q4_3, which was withdrawn",
        9 => "Q8_1, which holds activations",
        15 => "Q8_K, which holds activations",
        31 or 32 or 33 or 36 or 37 or 38 => "a repacked 4-bit type, which was withdrawn",
        41 => "Q1_0",
        _ => null,
    };
}
