namespace Heed.Checkpoints;

/// <summary>The only classes and functions that a pickle may name.</summary>
internal static class PickleGlobals
{
    public const string OrderedDict = "collections.OrderedDict";
    public const string Size = "torch.Size";
    public const string Device = "torch.device";
    public const string RebuildTensor = "torch._utils._rebuild_tensor";
    public const string RebuildTensorV2 = "torch._utils._rebuild_tensor_v2";
    public const string RebuildTensorV3 = "torch._utils._rebuild_tensor_v3";
    public const string RebuildParameter = "torch._utils._rebuild_parameter";
    public const string UntypedStorage = "torch.storage.UntypedStorage";

    private static readonly Dictionary<string, PickleGlobal> Known = new(StringComparer.Ordinal)
    {
        [OrderedDict] = new(OrderedDict),
        [Size] = new(Size),
        [Device] = new(Device),
        [RebuildTensor] = new(RebuildTensor),
        [RebuildTensorV2] = new(RebuildTensorV2),
        [RebuildTensorV3] = new(RebuildTensorV3),
        [RebuildParameter] = new(RebuildParameter),
        [UntypedStorage] = new(UntypedStorage),
        ["torch.UntypedStorage"] = new(UntypedStorage),
        ["torch.FloatStorage"] = new("torch.FloatStorage", DType.F32),
        ["torch.DoubleStorage"] = new("torch.DoubleStorage", DType.F64),
        ["torch.HalfStorage"] = new("torch.HalfStorage", DType.F16),
        ["torch.BFloat16Storage"] = new("torch.BFloat16Storage", DType.BF16),
        ["torch.LongStorage"] = new("torch.LongStorage", DType.I64),
        ["torch.IntStorage"] = new("torch.IntStorage", DType.I32),
        ["torch.ShortStorage"] = new("torch.ShortStorage", DType.I16),
        ["torch.CharStorage"] = new("torch.CharStorage", DType.I8),
        ["torch.ByteStorage"] = new("torch.ByteStorage", DType.U8),
        ["torch.BoolStorage"] = new("torch.BoolStorage", DType.Bool),
        ["torch.ComplexFloatStorage"] = new("torch.ComplexFloatStorage", DType.C64),
        ["torch.float32"] = new("torch.float32", DType.F32),
        ["torch.float64"] = new("torch.float64", DType.F64),
        ["torch.float16"] = new("torch.float16", DType.F16),
        ["torch.bfloat16"] = new("torch.bfloat16", DType.BF16),
        ["torch.float8_e4m3fn"] = new("torch.float8_e4m3fn", DType.F8E4M3),
        ["torch.float8_e5m2"] = new("torch.float8_e5m2", DType.F8E5M2),
        ["torch.int64"] = new("torch.int64", DType.I64),
        ["torch.int32"] = new("torch.int32", DType.I32),
        ["torch.int16"] = new("torch.int16", DType.I16),
        ["torch.int8"] = new("torch.int8", DType.I8),
        ["torch.uint8"] = new("torch.uint8", DType.U8),
        ["torch.uint16"] = new("torch.uint16", DType.U16),
        ["torch.uint32"] = new("torch.uint32", DType.U32),
        ["torch.uint64"] = new("torch.uint64", DType.U64),
        ["torch.bool"] = new("torch.bool", DType.Bool),
        ["torch.complex64"] = new("torch.complex64", DType.C64),
    };

    /// <summary>The global, or null where it is not allowed.</summary>
    public static PickleGlobal? Find(string module, string name) => Known.GetValueOrDefault($"{module}.{name}");
}
