using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Text;

namespace Heed.Checkpoints;

/// <summary>
/// Reads one pickle as data. Python's own machine calls whatever a file names; this one knows the few opcodes that tensors and containers
/// need, builds plain values, calls nothing, and refuses the rest by name and byte offset.
/// </summary>
/// <remarks>Opcodes: CPython's Lib/pickletools.py; PyTorch writes protocol 2. Nothing is recursive; the memory of all values is
/// bounded.</remarks>
internal ref struct PickleMachine
{
    // Estimated memory allowed: this, and 4 bytes for each byte of pickle read. State dicts need 5 bytes per byte and are small;
    // a file of nothing but empty dicts would need 70.
    private const long BaseBudget = 48 << 20;

    private static readonly object Mark = new();

    private readonly ReadOnlySpan<byte> _bytes;
    private readonly string _file;
    private readonly long _base;
    private readonly List<object?> _stack = [];
    private readonly List<int> _marks = [];
    private readonly Dictionary<uint, object?> _memo = [];
    private int _at;
    private int _opcodeAt;
    private long _spent;

    private PickleMachine(ReadOnlySpan<byte> bytes, string file, long start)
    {
        _bytes = bytes;
        _file = file;
        _base = start;
    }

    /// <summary>Reads the pickle at the start of <paramref name="bytes"/>.</summary>
    /// <param name="bytes">The pickle and whatever follows it.</param>
    /// <param name="file">File, for errors.</param>
    /// <param name="start">Offset of <paramref name="bytes"/> in the file, for errors.</param>
    /// <param name="used">Length of the pickle, in bytes.</param>
    /// <exception cref="InvalidFileException">An opcode or a global is not allowed, or the pickle is damaged.</exception>
    public static object? Read(ReadOnlySpan<byte> bytes, string file, long start, out int used)
    {
        PickleMachine machine = new(bytes, file, start);
        object? value = machine.Run();
        used = machine._at;
        return value;
    }

    private object? Run()
    {
        while (true)
        {
            _opcodeAt = _at;
            byte opcode = Take(1)[0];
            switch (opcode)
            {
                case 0x80: // PROTO
                    byte protocol = Take(1)[0];
                    if (protocol is < 2 or > 5) throw Bad($"is pickle protocol {protocol}; protocols 2 to 5 are read");
                    break;
                case 0x95: _ = TakeLength(8); break; // FRAME: the length is advice
                case (byte)'.': // STOP
                    object? result = Pop();
                    return _stack.Count == 0 && _marks.Count == 0 ? result : throw Bad("stops with values left over");
                case (byte)'(': _marks.Add(_stack.Count); Push(Mark); break;
                case (byte)'0': _ = Pop(); break;
                case (byte)'1': _ = PopToMark(); break;
                case (byte)'2': Push(Peek()); break;
                case (byte)'N': Push(null); break;
                case 0x88: Push(true); break;
                case 0x89: Push(false); break;
                case (byte)'K': Push((long)Take(1)[0]); break;
                case (byte)'M': Push((long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2))); break;
                case (byte)'J': Push((long)BinaryPrimitives.ReadInt32LittleEndian(Take(4))); break;
                case 0x8A: PushLong(Take(Take(1)[0])); break;
                case (byte)'G': Push(BinaryPrimitives.ReadDoubleBigEndian(Take(8))); break;
                case (byte)'X': PushText(TakeLength(4)); break;
                case 0x8C: PushText(TakeLength(1)); break;
                case 0x8D: PushText(TakeLength(8)); break;
                case (byte)'U': PushText(TakeLength(1)); break; // SHORT_BINSTRING and BINSTRING: Python 2's strings
                case (byte)'T': PushText(TakeLength(4)); break;
                case (byte)'C': Push(Take(TakeLength(1)).ToArray()); break;
                case (byte)'B': Push(Take(TakeLength(4)).ToArray()); break;
                case (byte)')': Push(new PickleTuple([])); break;
                case (byte)'t': Push(new PickleTuple(PopToMark())); break;
                case 0x85: Push(new PickleTuple(PopMany(1))); break;
                case 0x86: Push(new PickleTuple(PopMany(2))); break;
                case 0x87: Push(new PickleTuple(PopMany(3))); break;
                case (byte)']': Push(new PickleList()); break;
                case (byte)'l': PushList(PopToMark()); break;
                case (byte)'a':
                    object? item = Pop();
                    Expect<PickleList>(Peek(), "a list").Items.Add(item);
                    break;
                case (byte)'e':
                    object?[] items = PopToMark();
                    Expect<PickleList>(Peek(), "a list").Items.AddRange(items);
                    break;
                case (byte)'}': Push(new PickleDict()); break;
                case (byte)'d':
                    object?[] pairs = PopToMark();
                    PickleDict dict = new();
                    SetAll(dict, pairs);
                    Push(dict);
                    break;
                case (byte)'s':
                    object?[] pair = PopMany(2);
                    SetAll(Expect<PickleDict>(Peek(), "a dict"), pair);
                    break;
                case (byte)'u':
                    object?[] more = PopToMark();
                    SetAll(Expect<PickleDict>(Peek(), "a dict"), more);
                    break;
                case (byte)'c': // GLOBAL: two lines, module and name
                    string module = TakeLine();
                    Push(Allowed(module, TakeLine()));
                    break;
                case 0x93: // STACK_GLOBAL
                    object?[] names = PopMany(2);
                    Push(Allowed(Expect<string>(names[0], "a module's name"), Expect<string>(names[1], "a global's name")));
                    break;
                case (byte)'R': // REDUCE
                    object? arguments = Pop();
                    Push(Call(Expect<PickleGlobal>(Pop(), "a function"), Expect<PickleTuple>(arguments, "a tuple of arguments").Items));
                    break;
                case (byte)'b': // BUILD: OrderedDict's _metadata, which holds versions of modules and no data
                    _ = Expect<PickleDict>(Pop(), "a dict of attributes");
                    _ = Expect<PickleDict>(Peek(), "an OrderedDict");
                    break;
                case (byte)'Q': Push(Storage(Expect<PickleTuple>(Pop(), "a storage's tuple").Items)); break;
                case (byte)'h': Push(Recall(Take(1)[0])); break;
                case (byte)'j': Push(Recall(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)))); break;
                case (byte)'q': Remember(Take(1)[0]); break;
                case (byte)'r': Remember(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))); break;
                case 0x94: Remember((uint)_memo.Count); break;
                default:
                    string shown = opcode is > 32 and < 127 ? $" ('{(char)opcode}')" : "";
                    throw Bad($"is opcode 0x{opcode:X2}{shown}, which tensors and containers do not need; it is not executed. Save the weights as safetensors");
            }
        }
    }

    private InvalidFileException Bad(string reason) => new(_file, $"pickle byte {_base + _opcodeAt}", reason);

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > _bytes.Length - _at) throw Bad($"needs {count} bytes, but only {_bytes.Length - _at} are left. The file is damaged or cut short");
        ReadOnlySpan<byte> taken = _bytes.Slice(_at, count);
        _at += count;
        return taken;
    }

    private int TakeLength(int width)
    {
        ReadOnlySpan<byte> bytes = Take(width);
        ulong length = width switch
        {
            1 => bytes[0],
            4 => BinaryPrimitives.ReadUInt32LittleEndian(bytes),
            _ => BinaryPrimitives.ReadUInt64LittleEndian(bytes),
        };
        return length <= (ulong)(_bytes.Length - _at) ? (int)length : throw Bad($"states a length of {length}, but only {_bytes.Length - _at} bytes are left. The file is damaged or cut short");
    }

    private string TakeLine()
    {
        int length = _bytes[_at..].IndexOf((byte)'\n');
        if (length is < 0 or > 256) throw Bad("names a global without an end of line within 256 bytes. The file is damaged");
        string line = Decode(Take(length));
        _at++;
        return line;
    }

    private string Decode(ReadOnlySpan<byte> bytes)
        => System.Text.Unicode.Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : throw Bad("holds text that is not valid UTF-8. The file is damaged");

    private void PushText(int length) => Push(Decode(Take(length)));

    private void PushLong(ReadOnlySpan<byte> bytes)
    {
        BigInteger value = new(bytes);
        if (value >= long.MinValue && value <= long.MaxValue) Push((long)value); // not by ?:, which would make both BigInteger
        else Push(value);
    }

    private void PushList(object?[] items)
    {
        PickleList list = new();
        list.Items.AddRange(items);
        Push(list);
    }

    private void Push(object? value)
    {
        Spend(value switch
        {
            string text => 40 + (2 * text.Length),
            byte[] bytes => 40 + bytes.Length,
            PickleTuple tuple => 64 + (8 * tuple.Items.Length),
            PickleList or PickleDict or PickleStorage or PickleTensor => 80,
            _ => 32,
        });
        _stack.Add(value);
    }

    private void Spend(long bytes)
    {
        _spent += bytes;
        if (_spent > BaseBudget + (4L * _at)) throw Bad($"would need more than {Printable.Bytes(_spent)} of memory for the {_at} bytes read so far, which no checkpoint does");
    }

    private object? Pop()
    {
        object? value = Peek();
        _stack.RemoveAt(_stack.Count - 1);
        return value;
    }

    private object? Peek()
    {
        if (_stack.Count == 0 || ReferenceEquals(_stack[^1], Mark)) throw Bad("takes a value from an empty stack. The file is damaged");
        return _stack[^1];
    }

    private object?[] PopMany(int count)
    {
        object?[] values = new object?[count];
        for (int i = count - 1; i >= 0; i--) values[i] = Pop();
        return values;
    }

    private object?[] PopToMark()
    {
        if (_marks.Count == 0) throw Bad("has no mark to go back to. The file is damaged");
        int mark = _marks[^1];
        _marks.RemoveAt(_marks.Count - 1);
        object?[] values = [.. _stack[(mark + 1)..]];
        _stack.RemoveRange(mark, _stack.Count - mark);
        return values;
    }

    private T Expect<T>(object? value, string expected)
        where T : class
        => value as T ?? throw Bad($"needs {expected}, found {Kind(value)}. The file is damaged or holds more than tensors");

    private object? Recall(uint index) => _memo.TryGetValue(index, out object? value) ? value : throw Bad($"recalls value {index}, which was never stored. The file is damaged");

    private void Remember(uint index)
    {
        Spend(40);
        _memo[index] = Peek();
    }

    private void SetAll(PickleDict dict, object?[] pairs)
    {
        if (pairs.Length % 2 != 0) throw Bad("has a key without a value. The file is damaged");
        for (int i = 0; i < pairs.Length; i += 2)
        {
            if (pairs[i] is not (string or long)) throw Bad($"has {Kind(pairs[i])} as a key; strings and whole numbers are allowed");
            Spend(64);
            dict.Set(pairs[i]!, pairs[i + 1]);
        }
    }

    private PickleGlobal Allowed(string module, string name)
        => PickleGlobals.Find(module, name) ?? throw Bad($"names '{Printable.Shorten($"{module}.{name}")}', which is not a tensor or a container; it is not executed. Save the weights as safetensors");

    private object? Call(PickleGlobal function, object?[] arguments)
    {
        switch (function.Name)
        {
            case PickleGlobals.OrderedDict when arguments.Length == 0:
                return new PickleDict();
            case PickleGlobals.OrderedDict when arguments is [PickleList list]: // Python 2 wrote a list of pairs
                PickleDict dict = new();
                foreach (object? pair in list.Items)
                    SetAll(dict, pair is PickleList { Items.Count: 2 } two ? [.. two.Items] : Expect<PickleTuple>(pair, "a pair").Items);
                return dict;
            case PickleGlobals.Size when arguments is [PickleTuple sizes]:
                return sizes;
            case PickleGlobals.Device:
                return "device";
            case PickleGlobals.RebuildTensor when arguments.Length >= 4:
            case PickleGlobals.RebuildTensorV2 when arguments.Length >= 6:
                PickleStorage storage = Expect<PickleStorage>(arguments[0], "a storage");
                return storage.Untyped ? throw Bad("has an untyped storage without a dtype") : Tensor(storage, storage.DType, arguments);
            case PickleGlobals.RebuildTensorV3 when arguments.Length >= 7:
                PickleStorage raw = Expect<PickleStorage>(arguments[0], "a storage");
                return Tensor(raw, Expect<PickleGlobal>(arguments[6], "a dtype").DType ?? throw Bad("has a dtype that safetensors does not know"), arguments);
            case PickleGlobals.RebuildParameter when arguments is [PickleTensor tensor, ..]:
                return tensor;
            default:
                throw Bad($"calls '{function.Name}' with {arguments.Length} arguments of a form that is not known; it is not executed. Save the weights as safetensors");
        }
    }

    private PickleTensor Tensor(PickleStorage storage, DType dtype, object?[] arguments)
    {
        long[] shape = Numbers(arguments[2], "size"), strides = Numbers(arguments[3], "stride");
        if (arguments[1] is not long offset || offset < 0) throw Bad($"has {Kind(arguments[1])} as the storage's offset; a whole number from 0 is needed");
        if (shape.Length != strides.Length) throw Bad($"has {shape.Length} sizes but {strides.Length} strides. The file is damaged");
        if (!dtype.TryMeasure(shape, out long elements, out _)) throw Bad($"has the size [{string.Join(", ", shape)}], which is too large");
        long count = storage.Untyped ? storage.Count / (dtype.Bits() / 8) : storage.Count;
        UInt128 last = (UInt128)(storage.ViewOffset + (Int128)offset);
        for (int i = 0; i < shape.Length && elements > 0; i++) last += (UInt128)(shape[i] - 1) * (ulong)strides[i];
        if (elements > 0 && last >= (ulong)count)
            throw Bad($"has a tensor of size [{string.Join(", ", shape)}], strides [{string.Join(", ", strides)}] at {offset} that reaches element {last} of a storage of {count}. The file is damaged");
        if (elements > count && elements > 1 << 22)
            throw Bad($"has a tensor of {elements} elements over a storage of only {count}; a repeated view may not be larger than {1 << 22}. Save it with .contiguous()");
        return new PickleTensor(storage, dtype, offset, shape, strides);
    }

    private long[] Numbers(object? value, string what)
    {
        object?[] items = value is PickleList list ? [.. list.Items] : Expect<PickleTuple>(value, $"a tuple as {what}").Items;
        if (items.Length > RawTensor.MaximumRank) throw Bad($"has {items.Length} dimensions; at most {RawTensor.MaximumRank} are allowed");
        long[] numbers = new long[items.Length];
        for (int i = 0; i < items.Length; i++)
            numbers[i] = items[i] is long number and >= 0 ? number : throw Bad($"has {Kind(items[i])} in its {what}; whole numbers from 0 are needed");
        return numbers;
    }

    // ('storage', type, key, location, count) and, in old files, None or (key of the part, offset, count).
    private PickleStorage Storage(object?[] id)
    {
        if (id.Length is not (5 or 6) || id[0] is not "storage" || id[2] is not string key || id[4] is not long count || count < 0)
            throw Bad("refers to something outside the pickle that is not a storage");
        PickleGlobal type = Expect<PickleGlobal>(id[1], "a storage type");
        bool untyped = type.Name == PickleGlobals.UntypedStorage;
        if (!untyped && !type.Name.EndsWith("Storage", StringComparison.Ordinal)) throw Bad($"uses '{type.Name}' as a storage type");
        DType dtype = untyped ? DType.U8 : type.DType!.Value;
        long offset = 0;
        if (id.Length == 6 && id[5] is not null)
        {
            object?[] view = Expect<PickleTuple>(id[5], "a storage's part").Items;
            if (view is not [string, long first and >= 0, long part and >= 0] || first > count - part) throw Bad("has a part of a storage that lies outside it. The file is damaged");
            offset = first;
        }

        return count <= long.MaxValue / 16 ? new PickleStorage(key, dtype, untyped, count, offset) : throw Bad($"has a storage of {count} elements, which is not possible");
    }

    private static string Kind(object? value) => value switch
    {
        null => "None",
        bool b => b ? "True" : "False",
        long n => n.ToString(CultureInfo.InvariantCulture),
        string s => $"'{Printable.Shorten(s, 40)}'",
        BigInteger => "a large integer",
        double => "a float",
        byte[] => "bytes",
        PickleTuple => "a tuple",
        PickleList => "a list",
        PickleDict => "a dict",
        PickleGlobal g => g.Name,
        PickleStorage => "a storage",
        PickleTensor => "a tensor",
        _ => "a mark",
    };
}
